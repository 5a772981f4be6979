// The measurements in Go: main MEASURE, see ../measures.rs for what and how much.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	spawns    = 200000
	switches  = 4000000
	parked    = 20000
	waiters   = 1000
	sets      = 100
	items     = 1000000
	capacity  = 100
	holders   = 10
	turns     = 500000
	pool      = 100
	latencies = 400
	sleepers  = 100000
	nap       = time.Second
)

var sink int

func per(count int, d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(count) }

func resident() float64 {
	text, _ := os.ReadFile("/proc/self/statm")
	var size, pages float64
	fmt.Sscan(string(text), &size, &pages)
	return pages * 4096
}

func cpu() time.Duration {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// A goroutine that is spawned later has run, so the ones before wait.
func allAsleep() {
	for i := 0; i < 3; i++ {
		done := make(chan int)
		go func() { done <- 0 }()
		<-done
	}
}

func spawned(live int) float64 {
	start := time.Now()
	for i := 0; i < spawns/live; i++ {
		done := make([]chan int, live)
		for n := range done {
			result := make(chan int, 1)
			done[n] = result
			value := n
			go func() { result <- value }()
		}
		for _, result := range done {
			sink += <-result
		}
	}
	return per(spawns, time.Since(start))
}

func yields() float64 {
	stop := false
	done := make(chan int)
	go func() {
		for !stop {
			runtime.Gosched()
		}
		done <- 0
	}()
	start := time.Now()
	for i := 0; i < switches/2; i++ {
		runtime.Gosched()
	}
	d := time.Since(start)
	stop = true
	<-done
	return per(switches, d)
}

func memory() float64 {
	never := make(chan int)
	before := resident()
	for i := 0; i < parked; i++ {
		go func() { <-never }()
	}
	allAsleep()
	return (resident() - before) / parked
}

func event() float64 {
	var total time.Duration
	for i := 0; i < sets; i++ {
		set := make(chan int)
		var all sync.WaitGroup
		all.Add(waiters)
		for n := 0; n < waiters; n++ {
			go func() { <-set; all.Done() }()
		}
		allAsleep()
		start := time.Now()
		close(set)
		all.Wait()
		total += time.Since(start)
	}
	return per(sets*waiters, total)
}

func queue() float64 {
	queue := make(chan int, capacity)
	start := time.Now()
	go func() {
		for i := 0; i < items; i++ {
			queue <- i
		}
	}()
	for i := 0; i < items; i++ {
		sink += <-queue
	}
	return per(items, time.Since(start))
}

func semaphore() float64 {
	permit := make(chan int, 1)
	var all sync.WaitGroup
	all.Add(holders)
	start := time.Now()
	for n := 0; n < holders; n++ {
		go func() {
			for i := 0; i < turns/holders; i++ {
				permit <- 0
				runtime.Gosched()
				<-permit
			}
			all.Done()
		}()
	}
	all.Wait()
	return per(turns, time.Since(start))
}

func pooled() float64 {
	places := make(chan int, pool)
	start := time.Now()
	for i := 0; i < spawns; i++ {
		places <- 0
		value := i
		go func() { sink = value; <-places }()
	}
	for i := 0; i < pool; i++ {
		places <- 0
	}
	return per(spawns, time.Since(start))
}

func timeout() string {
	late := make([]float64, latencies)
	for i := range late {
		start := time.Now()
		<-time.After(time.Millisecond)
		late[i] = float64((time.Since(start) - time.Millisecond).Nanoseconds()) / 1e3
	}
	sort.Float64s(late)
	return fmt.Sprint(late[(latencies-1)/2], late[(latencies-1)*99/100])
}

func sleeping() string {
	before, start, used := resident(), time.Now(), cpu()
	var all sync.WaitGroup
	all.Add(sleepers)
	for i := 0; i < sleepers; i++ {
		go func() { time.Sleep(nap); all.Done() }()
	}
	allAsleep()
	asleep := resident()
	all.Wait()
	late := time.Since(start) - nap
	return fmt.Sprint(per(sleepers, cpu()-used), late.Seconds()*1e3, (asleep-before)/sleepers, sleepers)
}

func main() {
	runtime.GOMAXPROCS(1)
	measures := map[string]func() string{
		"spawn-join": func() string { return fmt.Sprint(spawned(1)) },
		"spawn-1000": func() string { return fmt.Sprint(spawned(1000)) },
		"switch":     func() string { return fmt.Sprint(yields()) },
		"parked":     func() string { return fmt.Sprint(memory()) },
		"event":      func() string { return fmt.Sprint(event()) },
		"queue":      func() string { return fmt.Sprint(queue()) },
		"semaphore":  func() string { return fmt.Sprint(semaphore()) },
		"pool":       func() string { return fmt.Sprint(pooled()) },
		"timeout":    timeout,
		"sleep":      sleeping,
	}
	if measure, known := measures[os.Args[1]]; known {
		fmt.Println(strings.TrimSpace(measure()))
	}
}
