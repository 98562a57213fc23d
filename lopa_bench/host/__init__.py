"""The machine under a run: files that are whole or absent, leases, signals, devices, processes, the network, the terminal.

Imports nothing of ours but `errors`; every other room may import it. Only `device` imports torch at its top.
"""
