"""What connects the plugin to a framework; each module is imported only where its framework is."""
