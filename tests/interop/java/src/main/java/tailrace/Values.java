package tailrace;

import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/** Attribute values: how they are made, and how they are printed in DynamoDB's JSON. */
final class Values {
  private Values() {}

  static AttributeValue s(String value) {
    return AttributeValue.fromS(value);
  }

  static AttributeValue n(Object value) {
    return AttributeValue.fromN(String.valueOf(value));
  }

  static SdkBytes bytes(int... values) {
    byte[] all = new byte[values.length];
    for (int at = 0; at < values.length; at++) {
      all[at] = (byte) values[at];
    }
    return SdkBytes.fromByteArray(all);
  }

  static Map<String, AttributeValue> key(String pk, int n) {
    return Map.of("pk", s(pk), "n", n(n));
  }

  /** An attribute's string, or null where there is no such attribute. */
  static String text(Map<String, AttributeValue> item, String name) {
    return item.containsKey(name) ? item.get(name).s() : null;
  }

  static Map<String, Object> plain(Map<String, AttributeValue> item) {
    Map<String, Object> all = new LinkedHashMap<>();
    item.forEach((name, value) -> all.put(name, plain(value)));
    return all;
  }

  static Object plain(AttributeValue value) {
    Object shown =
        switch (value.type()) {
          case S -> value.s();
          case N -> value.n();
          case B -> base64(value.b());
          case BOOL -> value.bool();
          case NUL -> value.nul();
          case SS -> value.ss();
          case NS -> value.ns();
          case BS -> value.bs().stream().map(Values::base64).toList();
          case M -> plain(value.m());
          case L -> list(value.l());
          default -> throw new IllegalArgumentException("no value: " + value);
        };
    return Map.of(value.type().name().equals("NUL") ? "NULL" : value.type().name(), shown);
  }

  private static List<Object> list(List<AttributeValue> values) {
    List<Object> all = new ArrayList<>();
    values.forEach(value -> all.add(plain(value)));
    return all;
  }

  private static String base64(SdkBytes value) {
    return Base64.getEncoder().encodeToString(value.asByteArray());
  }
}
