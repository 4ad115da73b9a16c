"""Tests of what is beyond one Prometheus, on the real Thanos and VictoriaMetrics: `make test-scale`."""
