{# Two payloads that claim one sequence of one customer are a producer's fault that no rule can heal: the one at the lower
   log position was applied, the other is listed here. The same event sent twice is no conflict. -#}
{% from "parts/attributes.sql" import converted, column_type -%}
{% set source = staging ~ ".CUSTOMER_EVENTS" -%}
CREATE OR REPLACE VIEW {{ this }} COPY GRANTS
    COMMENT = 'Events whose sequence belongs to another payload, and which one that is'
AS
WITH {% include "parts/judged_events.sql" %},
CLAIMS AS (
    SELECT *
    FROM JUDGED
    WHERE REASON IS NULL
    QUALIFY ROW_NUMBER() OVER (
        PARTITION BY CUSTOMER_ID, SEQUENCE, PARTITION_ID, RECORD_OFFSET ORDER BY FILE_NAME, FILE_ROW_NUMBER
    ) = 1
),
RANKED AS (
    SELECT
        *,
        ROW_NUMBER() OVER (PARTITION BY CUSTOMER_ID, SEQUENCE ORDER BY PARTITION_ID, RECORD_OFFSET) AS CLAIM
    FROM CLAIMS
)
SELECT
    LOSER.CUSTOMER_ID,
    LOSER.SEQUENCE,
    LOSER.EVENT_ID,
    LOSER.PARTITION_ID,
    LOSER.RECORD_OFFSET,
    WINNER.EVENT_ID AS APPLIED_EVENT_ID,
    WINNER.PARTITION_ID AS APPLIED_PARTITION_ID,
    WINNER.RECORD_OFFSET AS APPLIED_RECORD_OFFSET,
    LOSER.FILE_NAME,
    LOSER.FILE_ROW_NUMBER,
    LOSER.LOADED_AT,
    LOSER.EVENT
FROM RANKED AS LOSER
JOIN RANKED AS WINNER
    ON LOSER.CUSTOMER_ID = WINNER.CUSTOMER_ID AND LOSER.SEQUENCE = WINNER.SEQUENCE AND WINNER.CLAIM = 1
WHERE LOSER.CLAIM > 1
    AND (
        (LOSER.EVENT_ID IS DISTINCT FROM WINNER.EVENT_ID)
        OR LOSER.OPERATION <> WINNER.OPERATION
        OR LOSER.EVENT_TIME <> WINNER.EVENT_TIME
{%- for attribute in attributes %}
        OR (LOSER.{{ attribute.column }} IS DISTINCT FROM WINNER.{{ attribute.column }})
{%- endfor %}
    )
