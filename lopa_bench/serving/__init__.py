"""A trained method outside of this program: the client that turns texts into a server's input, and what a request costs on both sides.

`client.SoftPromptClient` is the door; `bill` counts bytes and FLOPs, `latency` measures. Imports methods, models, config and host.
"""
