"""What completions are rewarded for: one reward a file, computed by a pool of processes.

Nothing here imports torch: a worker has to be there in no time.
"""

from training.rewards.pool import RewardPool
from training.rewards.reward import TIMED_OUT, Candidate, Reward, RewardError

__all__ = ["TIMED_OUT", "Candidate", "Reward", "RewardError", "RewardPool"]
