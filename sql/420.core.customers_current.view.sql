CREATE OR REPLACE VIEW {{ this }} COPY GRANTS
    COMMENT = 'Customers that are not deleted'
AS
SELECT
    CUSTOMER_ID,
{%- for attribute in attributes %}
    {{ attribute.column }},
{%- endfor %}
    SEQUENCE,
    EVENT_TIME
FROM {{ core }}.CUSTOMERS
WHERE NOT IS_DELETED
