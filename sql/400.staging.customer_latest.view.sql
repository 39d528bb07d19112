{# What CUSTOMERS has not seen yet: of each customer the event with the highest sequence, of two payloads that claim it
   the one at the lower log position. Reading it in DML moves the stream on. -#}
{% from "parts/attributes.sql" import converted, column_type -%}
{% set source = staging ~ ".CUSTOMERS_STREAM" -%}
CREATE OR REPLACE VIEW {{ this }} COPY GRANTS
    COMMENT = 'The latest new event of each customer'
AS
WITH {% include "parts/judged_events.sql" %}
SELECT
    CUSTOMER_ID,
    SEQUENCE,
    EVENT_ID,
    EVENT_TIME,
    OPERATION = 'DELETE' AS IS_DELETED,
    PARTITION_ID,
    RECORD_OFFSET
{%- for attribute in attributes %},
    {{ attribute.column }}
{%- endfor %}
FROM JUDGED
WHERE REASON IS NULL
QUALIFY ROW_NUMBER() OVER (PARTITION BY CUSTOMER_ID ORDER BY SEQUENCE DESC, PARTITION_ID, RECORD_OFFSET) = 1
