"""The dashboards: panels of signals, with the limits that alerts set; may import `signals` and below, not `alerts`."""
