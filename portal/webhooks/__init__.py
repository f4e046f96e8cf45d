"""The letterbox for webhooks out: signs, checks the address, posts. Nothing of ours in it."""
