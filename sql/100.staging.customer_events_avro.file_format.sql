CREATE FILE FORMAT IF NOT EXISTS {{ this }}
    TYPE = AVRO
    COMMENT = 'Object container files of the sink'
