{# Replacing a stage breaks the pipes that read it, so it is only ever created. -#}
CREATE STAGE IF NOT EXISTS {{ this }}
    URL = {{ (bucket_url ~ "topics/" ~ topic ~ "/") | literal }}
{%- if access.kind == "integration" %}
    STORAGE_INTEGRATION = {{ access.name }}
{%- else %}
    CREDENTIALS = (AWS_KEY_ID = {{ access.access_key_id | literal }} AWS_SECRET_KEY = {{ access.secret_access_key | literal }})
{%- endif %}
    FILE_FORMAT = (FORMAT_NAME = '{{ staging }}.CUSTOMER_EVENTS_AVRO')
    COMMENT = 'Files of the topic {{ topic }}'
