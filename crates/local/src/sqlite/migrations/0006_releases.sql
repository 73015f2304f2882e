-- Releases have lanes of their own.
UPDATE jobs SET class = 'release' WHERE job LIKE '{"Release":%';
