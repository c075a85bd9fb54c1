import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

/** A default JDK client, which offers h2c with every first request: posts to args[0] three bodies of args[1] bytes. */
public class H2cClient {
    public static void main(String[] args) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        String body = "b".repeat(Integer.parseInt(args[1]));
        for (int round = 0; round < 3; round++) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(args[0] + "?round=" + round))
                    .timeout(Duration.ofSeconds(10))
                    .header("Content-Type", "application/json")
                    .POST(BodyPublishers.ofString(body))
                    .build();
            var answer = client.send(request, BodyHandlers.ofString());
            System.out.println(answer.statusCode() + " " + answer.version() + " " + answer.body());
        }
    }
}
