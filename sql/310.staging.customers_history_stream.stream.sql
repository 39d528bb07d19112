{# A stream of its own for each table: one that two merges share would give each of them half of the rows. Never replaced,
   which would lose its offset; created before the pipe, which would load rows that it never shows. -#}
CREATE STREAM IF NOT EXISTS {{ this }}
    ON TABLE {{ staging }}.CUSTOMER_EVENTS
    APPEND_ONLY = TRUE
    COMMENT = 'Records not yet merged into CUSTOMERS_HISTORY'
