-- Who polls is known in memory.
DROP TABLE pollers;
