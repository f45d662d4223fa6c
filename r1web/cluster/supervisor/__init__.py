"""The supervisor: a process that starts, follows and ends the trainers of attempts.

main      a thread for each part of an attempt, and one loop for all
orders    which parts it is told to take
leading   one attempt from its start to its end
follower  the same for a further node of an attempt on several
loop      follows all trainers: journals, beats, samples, what is wanted
begin     this node's trainer, with the config and what was leased
process   the trainer's process group: start or adopt it, signal it, leave nothing of it
tail      complete lines of the journal from an offset on
ingest    lines become rows, each exactly once
sample    how busy a trainer keeps the machine
ending    what the end means: outcome and reason in a sentence
database  what has to be written although the database may be away
schema    whether the database was migrated meanwhile
hold      one supervisor a part at a time
link      whether a further node still reaches the leading one
"""
