package io.github.opendestinations;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.function.Function;

/**
 * JSON by Jackson, with the modules that are on the class path. The only class that names
 * Jackson's.
 */
final class JacksonSerializer implements Function<Object, byte[]> {
  private final ObjectMapper mapper = JsonMapper.builder().findAndAddModules().build();

  @Override
  public byte[] apply(Object payload) {
    try {
      return mapper.writeValueAsBytes(payload);
    } catch (JsonProcessingException e) {
      throw new SerializationException(
          "Jackson can't serialise a " + payload.getClass().getName(), e);
    }
  }
}
