/** Whether secrets may be sent there: by TLS, or within this machine. */
export function takesSecrets({ protocol, hostname }: URL): boolean {
  return (
    protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname))
  );
}
