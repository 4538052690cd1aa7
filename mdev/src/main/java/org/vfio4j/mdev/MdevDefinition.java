// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import com.grack.nanojson.JsonWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/**
 * What a device is to be: the content of a file of {@code mdevctl}, which lasts over reboots.
 *
 * <p>Immutable. Keys that are not known here are kept, in their place. What is not of the format is
 * refused, since {@code mdevctl} would refuse all definitions for it.
 *
 * <p>The format is that of mdevctl 1.2: an object with {@code mdev_type}, {@code start} ({@code
 * auto}; all else is manual), and {@code attrs}, an array of objects with one string each.
 */
public final class MdevDefinition {
  private static final String TYPE = "mdev_type";
  private static final String START = "start";
  private static final String ATTRIBUTES = "attrs";
  private static final String AUTO = "auto";
  private static final String MANUAL = "manual";

  private final String parent;
  private final UUID uuid;
  private final JsonObject json;
  private final List<Attribute> attributes;

  /** An attribute that is written when the device has been created. */
  public record Attribute(String name, String value) {
    public Attribute {
      Names.checkedAttribute(name);
    }
  }

  private MdevDefinition(String parent, UUID uuid, JsonObject json) {
    this.parent = Names.checked("parent", parent);
    this.uuid = uuid;
    this.json = json;
    Names.checked("type", string(TYPE));
    string(START);
    this.attributes = List.copyOf(attributesOf(json));
  }

  /**
   * One without attributes, to be started by hand.
   *
   * @param parent {@link MdevParent#name()}
   * @param type {@link MdevType#name()}
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT} when they are no names)
   */
  public static MdevDefinition of(String parent, UUID uuid, String type) {
    JsonObject json = new JsonObject();
    json.put(TYPE, type);
    json.put(START, MANUAL);
    json.put(ATTRIBUTES, new JsonArray());
    return new MdevDefinition(parent, uuid, json);
  }

  /** Of a device that exists, without attributes, to be started by hand. */
  public static MdevDefinition of(Mdev mdev) {
    return of(mdev.parent().name(), mdev.uuid(), mdev.type().name());
  }

  /**
   * From the text of a file.
   *
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT} when it is not of the format)
   */
  public static MdevDefinition parse(String parent, UUID uuid, String text) {
    try {
      Object value = JsonParser.any().withLazyNumbers().from(text);
      if (value instanceof JsonObject json) {
        return new MdevDefinition(parent, uuid, json);
      }
    } catch (JsonParserException e) {
      throw malformed(parent, uuid, e.getMessage());
    }
    throw malformed(parent, uuid, "it is no JSON object");
  }

  private static VfioException malformed(String parent, UUID uuid, String fact) {
    return VfioException.failed(Reason.INVALID_ARGUMENT, "read")
        .on("of the definition " + parent + "/" + uuid)
        .fact(fact)
        .hint("mdevctl refuses all definitions while there is one like this")
        .build();
  }

  private String string(String key) {
    if (json.get(key) instanceof String text) {
      return text;
    }
    throw malformed(parent, uuid, "it has no string '" + key + "'");
  }

  private List<Attribute> attributesOf(JsonObject object) {
    List<Attribute> found = new ArrayList<>();
    Object array = object.get(ATTRIBUTES);
    if (array == null && !object.containsKey(ATTRIBUTES)) {
      return found;
    }
    if (!(array instanceof JsonArray entries)) {
      throw malformed(parent, uuid, "its 'attrs' is no array");
    }
    for (Object entry : entries) {
      if (!(entry instanceof JsonObject one) || one.size() != 1) {
        throw malformed(parent, uuid, "an entry of its 'attrs' is no object with one key");
      }
      Map.Entry<String, Object> only = one.entrySet().iterator().next();
      if (!(only.getValue() instanceof String value)) {
        throw malformed(parent, uuid, "attribute '" + only.getKey() + "' is no string");
      }
      found.add(new Attribute(only.getKey(), value));
    }
    return found;
  }

  /** The name of the parent that the device is to be made of. */
  public String parent() {
    return parent;
  }

  public UUID uuid() {
    return uuid;
  }

  /** The name of the type. */
  public String type() {
    return string(TYPE);
  }

  /** Whether it is to be started as soon as its parent is there. */
  public boolean isAutostart() {
    return string(START).equals(AUTO);
  }

  /** In the order in which they are written. */
  public List<Attribute> attributes() {
    return attributes;
  }

  public MdevDefinition withType(String type) {
    return with(TYPE, type);
  }

  public MdevDefinition withAutostart(boolean autostart) {
    return autostart == isAutostart() ? this : with(START, autostart ? AUTO : MANUAL);
  }

  public MdevDefinition withAttributes(List<Attribute> wanted) {
    JsonArray array = new JsonArray();
    for (Attribute attribute : wanted) {
      JsonObject entry = new JsonObject();
      entry.put(attribute.name(), attribute.value());
      array.add(entry);
    }
    return with(ATTRIBUTES, array);
  }

  /** With an attribute behind the others. */
  public MdevDefinition withAttribute(String name, String value) {
    List<Attribute> more = new ArrayList<>(attributes);
    more.add(new Attribute(name, value));
    return withAttributes(more);
  }

  /** Shallow: what is in the object is never changed. */
  private MdevDefinition with(String key, Object value) {
    JsonObject changed = new JsonObject(json);
    changed.put(key, value);
    return new MdevDefinition(parent, uuid, changed);
  }

  /** As it is in its file. */
  public String toJson() {
    return JsonWriter.indent("  ").string().value(json).done();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof MdevDefinition definition
        && parent.equals(definition.parent)
        && uuid.equals(definition.uuid)
        && toJson().equals(definition.toJson());
  }

  @Override
  public int hashCode() {
    return uuid.hashCode();
  }

  /** As mdevctl lists it. */
  @Override
  public String toString() {
    return uuid + " " + parent + " " + type() + " " + (isAutostart() ? AUTO : MANUAL);
  }
}
