import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/**
 * Says what Avro for Java makes of data of one schema that are read by another. Each line of the input is an object with `writer`, `reader`
 * and `data`, an array of data in hexadecimal; each line of the output has `results`, for each datum its bytes in the reader's schema, or
 * `null` where it cannot be read, and `error`, the last reason.
 */
public final class Resolve {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static Schema parse(JsonNode node) {
    Schema.Parser parser = new Schema.Parser(NameValidator.NO_VALIDATION);
    parser.setValidateDefaults(false);
    return parser.parse(node.toString());
  }

  private static byte[] resolve(GenericDatumReader<Object> reader, GenericDatumWriter<Object> writer, byte[] datum) throws Exception {
    BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(datum, null);
    Object value = reader.read(null, decoder);
    if (!decoder.isEnd()) {
      throw new IllegalArgumentException("trailing bytes after the datum");
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
    writer.write(value, encoder);
    encoder.flush();
    return out.toByteArray();
  }

  private static ObjectNode answer(JsonNode asked) {
    ObjectNode answer = JSON.createObjectNode();
    ArrayNode results = answer.putArray("results");
    GenericDatumReader<Object> reader = null;
    GenericDatumWriter<Object> writer = null;
    try {
      Schema readers = parse(asked.get("reader"));
      reader = new GenericDatumReader<>(parse(asked.get("writer")), readers);
      writer = new GenericDatumWriter<>(readers);
    } catch (Exception | StackOverflowError error) {
      answer.put("error", String.valueOf(error));
    }
    for (JsonNode datum : asked.get("data")) {
      try {
        if (reader == null) {
          results.addNull();
          continue;
        }
        results.add(HexFormat.of().formatHex(resolve(reader, writer, HexFormat.of().parseHex(datum.asText()))));
      } catch (Exception | StackOverflowError error) {
        results.addNull();
        answer.put("error", String.valueOf(error));
      }
    }
    return answer;
  }

  public static void main(String[] arguments) throws Exception {
    // The reader without resolving decoder is newer and not the one that others were held against.
    System.setProperty("org.apache.avro.fastread", "false");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      out.println(answer(JSON.readTree(line)));
    }
    out.flush();
  }
}
