using System.Text.Json;
using System.Text.Json.Serialization;

namespace Sallyport.Api.Times;

/// <summary>Times in bodies are read as everywhere else; without an offset they are UTC, and not of the zone in which the server happens to stand.</summary>
internal sealed class TimeConverter : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && TimeText.TryRead(reader.GetString(), out var at)
            ? at : throw new JsonException($"that is no time; {TimeText.Form}");

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) => writer.WriteStringValue(value);
}
