{# How an attribute of each Avro type becomes a column. No conversion here can fail: what does not convert is NULL, which
   parts/judged_events.sql turns into a rejection. -#}
{%- macro column_type(attribute) -%}
{%- if attribute.type == "string" -%} VARCHAR
{%- elif attribute.type == "boolean" -%} BOOLEAN
{%- elif attribute.type == "long" -%} NUMBER(19,0)
{%- elif attribute.type == "double" -%} FLOAT
{%- endif -%}
{%- endmacro -%}

{%- macro converted(attribute) -%}
{%- set value = "PAYLOAD:customer." ~ attribute.field -%}
{%- if attribute.type == "string" -%} {{ value }}::VARCHAR
{%- elif attribute.type == "boolean" -%} TRY_TO_BOOLEAN({{ value }}::VARCHAR)
{%- elif attribute.type == "long" -%} IFF(TYPEOF({{ value }}) = 'INTEGER', TRY_TO_NUMBER({{ value }}::VARCHAR, 19, 0), NULL)
{%- elif attribute.type == "double" -%} TRY_TO_DOUBLE({{ value }}::VARCHAR)
{%- endif -%}
{%- endmacro -%}
