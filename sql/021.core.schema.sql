CREATE SCHEMA IF NOT EXISTS {{ this }}
    COMMENT = 'What readers use: customers now and over time'
