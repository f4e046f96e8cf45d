"""The letterbox to Xero: what to say, how to send it, what the answer means. Nothing of ours is imported
here.
"""
