"""Recorded messages by number: what is in a bag is listed from its index, and read from where it lies.

rosbags reads whole bags from front to back. Evaluation needs more: any message without those before it, an
order that never varies, and what is still there of a bag that was cut off.
"""
