"""Windows on a run while it goes on, one file each. A tracker is never a store: every number it shows is in the run directory."""
