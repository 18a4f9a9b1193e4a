"""Tests of the gateway in front of a real Blazar; only with ``BLAZARCLIENT_TEST_CLOUD=1``."""
