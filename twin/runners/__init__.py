"""Where one run is stepped, and where many are: here, in processes, on Ray. All give the same rows."""
