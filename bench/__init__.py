"""The benchmark: servers of one kind after the other under the same load, as ratios within one run."""
