CREATE SCHEMA IF NOT EXISTS {{ this }}
    COMMENT = 'How events get in: stage, pipe, staging table, streams, tasks'
