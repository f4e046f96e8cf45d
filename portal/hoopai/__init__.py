"""The letterbox from HoopAI: deliveries, their signatures and shapes, and the REST look-ups. Nothing of
ours is imported here.
"""
