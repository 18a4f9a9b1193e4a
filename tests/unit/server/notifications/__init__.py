"""Tests of the sources of notifications."""
