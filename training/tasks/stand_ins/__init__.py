"""The little that reasoning-gym uses of two packages that a plain install cannot have: pycosat is a
C extension without a wheel, cellpylib brings plotting libraries. Each module bears the name of the
package it stands in for, and has the functions that are called, called alike."""
