"""The supervisor of one attempt: a process that starts, follows and ends one trainer.

process   the trainer's process group: start or adopt it, signal it, leave nothing of it
tail      complete lines of the journal from an offset on
ingest    lines become rows, each exactly once
sample    how busy the trainer keeps the machine
ending    what the end means: outcome and reason in a sentence
database  what has to be written although the database may be away
schema    whether the database was migrated meanwhile
begin     this node's trainer, with the config and what was leased
hold      one supervisor a part at a time
loop      all of it together
follower  the same for a further node of an attempt on several
link      whether a further node still reaches the leading one
main      which of the two it is
"""
