"""Where notifications come from: the bus, the comparison with the list of leases, and timers."""
