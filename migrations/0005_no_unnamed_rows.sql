-- Rows of coordinators that did not know their name. A resync lands their runs where they belong.
DELETE FROM runs WHERE scope = '';
DELETE FROM coordinators WHERE scope = '';
