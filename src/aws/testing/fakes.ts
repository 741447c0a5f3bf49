import type { Clock, Fetch, HttpRequest, HttpResponse } from '../../core/ports.ts';

export const NOW = Date.UTC(2026, 10, 22, 12);
export const ROLE = 'arn:aws:iam::123456789012:role/Wall';
export const LASTING = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
export const TEMPORARY = { ...LASTING, sessionToken: 'FwoGZXIvYXdzEXAMPLETOKEN==' };
export const ASSUMED = {
  accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'assumedSecretK7MDENGbPxRfiCYEXAMPLEKEY',
  sessionToken: 'IQoJb3JpZ2luX2VjEXAMPLE/+==',
  expiresAt: NOW + 3_600_000,
};

/** A clock that stands still until it is set. */
export function fakeClock(): Clock & { at: number } {
  return {
    at: NOW,
    now() {
      return this.at;
    },
    monotonic() {
      return this.at;
    },
    sleep: () => Promise.resolve(),
  };
}

export type Reply = Partial<Omit<HttpResponse, 'body'>> & { readonly body?: string };

/** A Fetch that keeps what it is asked and answers by `reply`; an Error it returns is thrown. */
export function fakeFetch(reply: (form: URLSearchParams, request: HttpRequest) => Reply | Error): {
  fetch: Fetch;
  requests: HttpRequest[];
  forms: URLSearchParams[];
} {
  const requests: HttpRequest[] = [];
  const forms: URLSearchParams[] = [];
  return {
    requests,
    forms,
    fetch(request) {
      const body = typeof request.body === 'string' ? request.body : new TextDecoder().decode(request.body);
      const form = new URLSearchParams(body);
      requests.push(request);
      forms.push(form);
      const answer = reply(form, request);
      if (answer instanceof Error) return Promise.reject(answer);
      return Promise.resolve({
        status: answer.status ?? 200,
        headers: answer.headers ?? {},
        body: new TextEncoder().encode(answer.body ?? ''),
      });
    },
  };
}

/** A whole answer of AssumeRole. */
export function assumeRoleXml(expiration = ASSUMED.expiresAt): Reply {
  return {
    headers: { 'content-type': 'text/xml', date: new Date(NOW).toUTCString() },
    body: `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser>
      <AssumedRoleId>AROAEXAMPLE:vigil</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/Wall/vigil</Arn>
      </AssumedRoleUser><Credentials><AccessKeyId>${ASSUMED.accessKeyId}</AccessKeyId>
      <SecretAccessKey>${ASSUMED.secretAccessKey}</SecretAccessKey><SessionToken>${ASSUMED.sessionToken}</SessionToken>
      <Expiration>${new Date(expiration).toISOString()}</Expiration></Credentials></AssumeRoleResult>
      <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleResponse>`,
  };
}

/** An error of STS as AWS writes it. */
export function stsErrorXml(code: string, message: string, status = 400, headers = {}): Reply {
  return {
    status,
    headers: { 'content-type': 'text/xml', date: new Date(NOW).toUTCString(), ...headers },
    body: `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code>
      <Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
  };
}
