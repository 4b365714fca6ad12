"""Measure Meze beside two peers on the same data, requests and machine."""
