"""XDS.b Document Registry."""
