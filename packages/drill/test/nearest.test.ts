import { expect, test } from 'vitest'
import { nearest } from '../src/nearest.ts'

const words = ['postgres', 'mysql', 'mariadb', 'redis', 'valkey']

test.each([
  ['postgre', 'postgres'],
  ['Postgres', 'postgres'],
  ['mysq', 'mysql'],
  ['maraidb', 'mariadb'],
  ['reddis', 'redis'],
  ['oracle', undefined],
  ['', undefined],
])('who says %j means %s', (given, meant) => {
  expect(nearest(given, words)).toBe(meant)
})
