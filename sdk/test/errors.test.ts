import { describe, expect, it } from "vitest";
import { connectionError, errorOfAnswer } from "../src/errors.js";

describe("errorOfAnswer", () => {
  it("takes code and retryable from the problem", () => {
    const body = '{"code":"DLGEXCPSRV_FRBDNCST","retryable":false,"detail":"Forbidden customer."}';
    const error = errorOfAnswer(403, body, null);
    expect(error.code).toBe("DLGEXCPSRV_FRBDNCST");
    expect(error.retryable).toBe(false);
    expect(error.status).toBe(403);
    expect(error.problem?.["detail"]).toBe("Forbidden customer.");
  });

  it.each([
    [502, true],
    [503, true],
    [429, true],
    [408, true],
    [404, false],
    [400, false],
  ])("judges a %i without a problem by its status", (status, retryable) => {
    const error = errorOfAnswer(status, "<html>Bad gateway</html>", null);
    expect(error.code).toBe("DLGEXCP_GENERAL_EXCEPTION");
    expect(error.retryable).toBe(retryable);
  });

  it.each([
    ["30", 30],
    ["0", 0],
    ["Wed, 21 Oct 2026 07:28:00 GMT", null],
    ["", null],
    [null, null],
  ])("reads Retry-After %j as %j seconds", (header, seconds) => {
    expect(errorOfAnswer(503, "", header).retryAfterSeconds).toBe(seconds);
  });

  it("has no detail of the problem in its message, which may end in a log", () => {
    expect(errorOfAnswer(400, '{"code":"X","detail":"Ayşe"}', null).message).toBe("X (HTTP 400)");
  });

  it("calls a missing answer status 0", () => {
    expect(connectionError()).toMatchObject({
      code: "DLGEXCPSRV_CONNERR",
      status: 0,
      retryable: true,
    });
  });
});
