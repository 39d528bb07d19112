{# One MERGE whose source is the whole history of the customers with new events: the rows already there and the new ones,
   one for each sequence (CLAIMED), each judged by its predecessor (COMPARED, JUDGED) and timed by its successor (TIMED).
   Only rows that differ are written. So a late event corrects its neighbours, and the cost is that of the customers
   touched. LAG and LEAD go by sequence; VALID_FROM never falls, so that clocks running backwards make no interval
   negative. -#}
CREATE OR REPLACE TASK {{ this }}
{%- include "parts/task_options.sql" %}
    COMMENT = 'New events into CUSTOMERS_HISTORY'
WHEN
    SYSTEM$STREAM_HAS_DATA('{{ staging }}.CUSTOMERS_HISTORY_STREAM')
AS
MERGE INTO {{ core }}.CUSTOMERS_HISTORY AS KEPT
USING (
    WITH CANDIDATES AS (
        SELECT
            CUSTOMER_ID,
            SEQUENCE,
            EVENT_ID,
            OPERATION,
            EVENT_TIME,
            PARTITION_ID,
            RECORD_OFFSET
{%- for attribute in attributes %},
            {{ attribute.column }}
{%- endfor %}
        FROM {{ staging }}.CUSTOMER_CHANGES
        UNION ALL
        SELECT
            CUSTOMER_ID,
            SEQUENCE,
            EVENT_ID,
            OPERATION,
            EVENT_TIME,
            PARTITION_ID,
            RECORD_OFFSET
{%- for attribute in attributes %},
            {{ attribute.column }}
{%- endfor %}
        FROM {{ core }}.CUSTOMERS_HISTORY
        WHERE CUSTOMER_ID IN (SELECT CUSTOMER_ID FROM {{ staging }}.CUSTOMER_CHANGES)
    ),
    CLAIMED AS (
        SELECT *
        FROM CANDIDATES
        QUALIFY ROW_NUMBER() OVER (PARTITION BY CUSTOMER_ID, SEQUENCE ORDER BY PARTITION_ID, RECORD_OFFSET) = 1
    ),
    COMPARED AS (
        SELECT
            *,
            LAG(OPERATION) OVER (PARTITION BY CUSTOMER_ID ORDER BY SEQUENCE) AS OPERATION_BEFORE,
            MAX(EVENT_TIME) OVER (
                PARTITION BY CUSTOMER_ID ORDER BY SEQUENCE ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS VALID_FROM
{%- for attribute in attributes %},
            LAG({{ attribute.column }}) OVER (PARTITION BY CUSTOMER_ID ORDER BY SEQUENCE) AS {{ attribute.column }}_BEFORE
{%- endfor %}
        FROM CLAIMED
    ),
    JUDGED AS (
        SELECT
            *,
            CASE
                WHEN OPERATION = 'DELETE' AND OPERATION_BEFORE <> 'DELETE' THEN 'DELETE'
                WHEN OPERATION = 'DELETE' THEN 'UNCHANGED'
                WHEN OPERATION_BEFORE IS NULL OR OPERATION_BEFORE = 'DELETE' THEN 'CREATE'
{%- for attribute in attributes %}
                WHEN {{ attribute.column }} IS DISTINCT FROM {{ attribute.column }}_BEFORE THEN 'UPDATE'
{%- endfor %}
                ELSE 'UNCHANGED'
            END AS CHANGE
        FROM COMPARED
    ),
    TIMED AS (
        SELECT
            *,
            LEAD(IFF(CHANGE = 'UNCHANGED', NULL, VALID_FROM)) IGNORE NULLS OVER (
                PARTITION BY CUSTOMER_ID ORDER BY SEQUENCE
            ) AS NEXT_FROM
        FROM JUDGED
    )
    SELECT
        CUSTOMER_ID,
        SEQUENCE,
        EVENT_ID,
        OPERATION,
        CHANGE,
        EVENT_TIME,
        VALID_FROM,
        IFF(CHANGE IN ('CREATE', 'UPDATE'), NEXT_FROM, VALID_FROM) AS VALID_TO,
        CHANGE IN ('CREATE', 'UPDATE') AND NEXT_FROM IS NULL AS IS_CURRENT,
        PARTITION_ID,
        RECORD_OFFSET
{%- for attribute in attributes %},
        {{ attribute.column }}
{%- endfor %}
    FROM TIMED
) AS INCOMING
ON KEPT.CUSTOMER_ID = INCOMING.CUSTOMER_ID AND KEPT.SEQUENCE = INCOMING.SEQUENCE
WHEN MATCHED AND (
    KEPT.PARTITION_ID <> INCOMING.PARTITION_ID
    OR KEPT.RECORD_OFFSET <> INCOMING.RECORD_OFFSET
    OR KEPT.CHANGE <> INCOMING.CHANGE
    OR KEPT.VALID_FROM <> INCOMING.VALID_FROM
    OR (KEPT.VALID_TO IS DISTINCT FROM INCOMING.VALID_TO)
) THEN UPDATE SET
    EVENT_ID = INCOMING.EVENT_ID,
    OPERATION = INCOMING.OPERATION,
    CHANGE = INCOMING.CHANGE,
    EVENT_TIME = INCOMING.EVENT_TIME,
    VALID_FROM = INCOMING.VALID_FROM,
    VALID_TO = INCOMING.VALID_TO,
    IS_CURRENT = INCOMING.IS_CURRENT,
    PARTITION_ID = INCOMING.PARTITION_ID,
    RECORD_OFFSET = INCOMING.RECORD_OFFSET
{%- for attribute in attributes %},
    {{ attribute.column }} = INCOMING.{{ attribute.column }}
{%- endfor %}
WHEN NOT MATCHED THEN INSERT (
    CUSTOMER_ID,
    SEQUENCE,
    EVENT_ID,
    OPERATION,
    CHANGE,
    EVENT_TIME,
    VALID_FROM,
    VALID_TO,
    IS_CURRENT,
    PARTITION_ID,
    RECORD_OFFSET
{%- for attribute in attributes %},
    {{ attribute.column }}
{%- endfor %}
) VALUES (
    INCOMING.CUSTOMER_ID,
    INCOMING.SEQUENCE,
    INCOMING.EVENT_ID,
    INCOMING.OPERATION,
    INCOMING.CHANGE,
    INCOMING.EVENT_TIME,
    INCOMING.VALID_FROM,
    INCOMING.VALID_TO,
    INCOMING.IS_CURRENT,
    INCOMING.PARTITION_ID,
    INCOMING.RECORD_OFFSET
{%- for attribute in attributes %},
    INCOMING.{{ attribute.column }}
{%- endfor %}
)
