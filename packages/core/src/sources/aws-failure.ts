import type { StoreFailure } from './store-error.ts'

const failures: Record<string, StoreFailure> = {
  ThrottlingException: 'throttled',
  TooManyRequestsException: 'throttled',
  AccessDeniedException: 'forbidden',
  UnrecognizedClientException: 'forbidden',
  InvalidClientTokenId: 'forbidden',
  ExpiredTokenException: 'forbidden',
  CredentialsProviderError: 'forbidden',
  ResourceNotFoundException: 'not found',
  InvalidSignatureException: 'a clock that is wrong',
  RequestTimeTooSkewed: 'a clock that is wrong',
}

/** What an error of AWS, or of its SDK, says of the store: by its name, which is stable. */
export function awsFailure(error: unknown): StoreFailure {
  const { name, message } = error as Error
  if (message.startsWith('Region is missing')) return 'unusable settings'
  return failures[name] ?? 'an error of the store'
}
