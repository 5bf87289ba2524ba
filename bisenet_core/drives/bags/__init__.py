"""Read recorded messages by number: listed from the index of the bag, read from where they lie.

rosbags reads whole bags from front to back. Evaluation needs more: any message without those before it, an
order that never varies, and what is still there of a bag that was cut off.
"""
