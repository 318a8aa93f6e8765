package io.github.opendestinations;

import java.util.function.Function;

/**
 * What makes JSON of an object when the options name nothing: Jackson, version 2, if it is on the
 * class path.
 */
final class Serializers {
  private Serializers() {}

  static Function<Object, byte[]> find() {
    try {
      Class.forName(
          "com.fasterxml.jackson.databind.ObjectMapper", false, Serializers.class.getClassLoader());
      return new JacksonSerializer();
    } catch (ClassNotFoundException | LinkageError e) {
      return Serializers::missing;
    }
  }

  private static byte[] missing(Object payload) {
    throw new SerializationException(
        "a "
            + payload.getClass().getName()
            + " needs Jackson on the class path, or Options.serializer",
        null);
  }
}
