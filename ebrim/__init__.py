"""XDS metadata (ITI TF-3 4.2) and their ebRIM 3.0 form."""
