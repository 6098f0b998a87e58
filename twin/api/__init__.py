"""What a Python user calls: runs that answer questions, and comparisons. ``import twin`` has their names."""
