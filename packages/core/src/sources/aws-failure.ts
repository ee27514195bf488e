import type { StoreFailure } from './store-error.ts'

const failures: Record<string, StoreFailure> = {
  ThrottlingException: 'throttled',
  Throttling: 'throttled',
  TooManyRequestsException: 'throttled',
  AccessDeniedException: 'forbidden',
  AccessDenied: 'forbidden',
  UnrecognizedClientException: 'forbidden',
  InvalidClientTokenId: 'forbidden',
  ExpiredTokenException: 'forbidden',
  CredentialsProviderError: 'forbidden',
  InvalidSignatureException: 'forbidden',
  SignatureDoesNotMatch: 'forbidden',
  ResourceNotFoundException: 'not found',
  // A secret that is marked for deletion.
  InvalidRequestException: 'not found',
  InvalidParameterException: 'unusable settings',
  ValidationException: 'unusable settings',
  RequestTimeTooSkewed: 'a clock that is wrong',
}

/** A signature by a wrong key and one of another time have one name. The time is what these say. */
const wrongClock = /^Signature (?:expired|not yet current)/

/** What an error of AWS, or of its SDK, says of the store: by its name, which is stable. */
export function awsFailure(error: unknown): StoreFailure {
  const { name, message } = error as Error
  if (message.startsWith('Region is missing')) return 'unusable settings'
  if (wrongClock.test(message)) return 'a clock that is wrong'
  return failures[name] ?? 'an error of the store'
}
