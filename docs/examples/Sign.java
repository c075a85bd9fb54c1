import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.Locale;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Tells Diyalog that no agent could take an interaction. Java 17 or newer, no library.
 *
 * <pre>
 * DIYALOG_URL=https://... DIYALOG_ACCESS_KEY_ID=... DIYALOG_ACCESS_KEY_SECRET=... \
 * java Sign.java INTERACTION_ID MESSAGE
 * </pre>
 */
public class Sign {
    private static final String PATH = "/v1/application/interactionisnotdelivered";
    private static final String CONTENT_TYPE = "application/json";

    /** The locale is named, because the weekday and month must be English on every machine. */
    private static final DateTimeFormatter DATE =
            DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ENGLISH);

    public static void main(String[] arguments) throws Exception {
        // Encoded once: these very bytes are signed and sent.
        byte[] body = ("{\"interactionId\":" + json(arguments[0]) + ",\"message\":" + json(arguments[1]) + "}")
                .getBytes(StandardCharsets.UTF_8);
        String date = DATE.format(ZonedDateTime.now(ZoneOffset.UTC));

        Mac mac = Mac.getInstance("HmacSHA256");
        byte[] secret = System.getenv("DIYALOG_ACCESS_KEY_SECRET").getBytes(StandardCharsets.UTF_8);
        mac.init(new SecretKeySpec(secret, "HmacSHA256"));
        mac.update(("POST\n" + CONTENT_TYPE + "\n" + date + "\n").getBytes(StandardCharsets.UTF_8));
        mac.update(body);
        mac.update(("\n" + PATH).getBytes(StandardCharsets.UTF_8));
        String signature = Base64.getEncoder().encodeToString(mac.doFinal());

        HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("DIYALOG_URL") + PATH))
                .timeout(Duration.ofSeconds(30))
                .header("Content-Type", CONTENT_TYPE)
                .header("x-dlg-date", date)
                .header("x-dlg-requester-userid", "back-office")
                .header("x-dlg-authorization", "DLGA " + System.getenv("DIYALOG_ACCESS_KEY_ID") + ":" + signature)
                .POST(BodyPublishers.ofByteArray(body))
                .build();
        var response = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        if (response.statusCode() != 200) {
            System.err.println(response.statusCode() + " " + response.body());
            System.exit(1);
        }
        System.out.println(response.body());
    }

    /** Writes a JSON text; with a JSON library at hand, let that write the whole body. */
    private static String json(String text) {
        StringBuilder written = new StringBuilder("\"");
        for (char character : text.toCharArray()) {
            if (character == '"' || character == '\\') {
                written.append('\\').append(character);
            } else if (character < ' ') {
                written.append(String.format("\\u%04x", (int) character));
            } else {
                written.append(character);
            }
        }
        return written.append('"').toString();
    }
}
