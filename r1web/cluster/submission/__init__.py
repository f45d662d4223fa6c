"""Runs as jobs of a site's own system, instead of processes of a worker's machine.

system      what both systems can be asked, and what they answer
render      the operator's template becomes the file that is submitted
slurm       by sbatch, squeue, sacct and scancel
kubernetes  by kubectl
templates   what the operator's template extends
"""
