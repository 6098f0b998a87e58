"""Where a run is stepped: here, or on Ray. Both give the same rows."""
